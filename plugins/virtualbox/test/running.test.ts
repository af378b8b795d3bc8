import { describe, expect, it } from 'vitest';
import { withDefaults } from '../src/config.ts';
import { Maker } from '../src/maker.ts';
import { SoapClient } from '../src/soap/client.ts';
import { failing } from './failing.ts';
import { type Answers, fakeHost, runtimeFault } from './fake-host.ts';
import { ctxOf } from './world.ts';

// A fake of one answer: no machine runs without VirtualBox's kernel module.
describe('FAKE of lockMachine(Shared): a machine that runs', () => {
  const attached: string[] = [];
  const notes = new Map<string, string>();
  const running: Answers = (method, args) => {
    switch (method) {
      case 'IWebsessionManager_logon':
        return 'vb';
      case 'IWebsessionManager_getSessionObject':
        return 'session';
      case 'IVirtualBox_findMachine':
        return 'machine';
      case 'IVirtualBox_openMedium':
        return 'medium';
      case 'IMachine_getId':
        return 'id';
      case 'IMachine_getState':
        return 'Running';
      case 'IVirtualBox_getExtraDataKeys':
        return [...notes.keys()];
      case 'IVirtualBox_getExtraData':
        return notes.get(args.key ?? '') ?? '';
      case 'IVirtualBox_setExtraData':
        if (args.value === '') notes.delete(args.key ?? '');
        else notes.set(args.key ?? '', args.value ?? '');
        return [];
      case 'IMachine_lockMachine':
        return args.lockType === 'Shared'
          ? []
          : runtimeFault(0x80bb0007, 'The machine is already locked for a session');
      case 'ISession_getMachine':
        return 'mutable';
      case 'IMachine_getMediumAttachments':
        return attached.map(
          (p) =>
            `<medium>other</medium><controller>SATA</controller><port>${p}</port><device>0</device><type>HardDisk</type>`,
        );
      case 'IMedium_getBase':
        return 'other';
      case 'IMachine_getStorageControllers':
        return ['c'];
      case 'IStorageController_getName':
        return 'SATA';
      case 'IStorageController_getBus':
        return 'SATA';
      case 'IStorageController_getPortCount':
        return '2';
      case 'IStorageController_getMaxPortCount':
        return '30';
      case 'IStorageController_getMaxDevicesPerPortCount':
        return '1';
      default:
        return [];
    }
  };
  it('is locked shared, plugged in a free port, and saved; what only a machine that is off can have is not tried', async () => {
    const host = await fakeHost(running);
    attached.splice(0, attached.length, '0');
    const client = new SoapClient(
      withDefaults({ endpoint: `http://127.0.0.1:${host.port}`, volumePath: '/v' }),
      new Maker(),
    );
    const wish = { disk: '938dca77-1111-2222-3333-44440f21b4c3', machine: 'm', controller: 'SATA' };
    expect(await client.attach(wish, ctxOf())).toEqual({ controller: 'SATA', port: 1, device: 0 });
    const did = host.asked.filter((a) => /lock|attach|save|set(Port|Hot)/i.test(a.method)).map((a) => a.method);
    expect(did).toEqual([
      'IMachine_lockMachine',
      'IMachine_getMediumAttachments',
      'IMachine_attachDevice',
      'IMachine_saveSettings',
      'ISession_unlockMachine',
    ]);
    expect(host.asked.find((a) => a.method === 'IMachine_lockMachine')?.args.lockType).toBe('Shared');
    expect(notes.size).toBe(0);
    // Its ports cannot grow while it runs.
    attached.splice(0, attached.length, '0', '1');
    const full = await failing(client.attach(wish, ctxOf()));
    expect(full).toMatchObject({
      code: 'exhausted',
      message: expect.stringContaining('a running machine gets no more'),
    });
    expect(host.asked.filter((a) => a.method === 'ISession_unlockMachine')).toHaveLength(2);
    await client.close();
    expect(host.asked.at(-1)?.method).toBe('IWebsessionManager_logoff');
    await host.close();
  });
});
