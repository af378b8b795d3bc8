/** What needs no VirtualBox: what VBoxManage prints. */
import { silentLogger } from '@rexray/core';
import { describe, expect, it } from 'vitest';
import { allDisks, allNotes, machineOf, takenSlots } from '../src/cli/parse.ts';
import { failure } from '../src/cli/run.ts';
import { VirtualBoxDriver } from '../src/driver.ts';
import { classify } from '../src/errors.ts';
import { failing } from './failing.ts';
import { ctxOf } from './world.ts';

describe('what VBoxManage prints', () => {
  const disks = `WARNING: The vboxdrv kernel module is not loaded.
UUID:           11111111-1111-1111-1111-111111111111
Parent UUID:    base
State:          locked write
Description:    REX-Ray volume "a" {"x":"y: z"}
Type:           normal (base)
Location:       /srv/a.vdi
Storage format: VDI
Capacity:       64 MBytes
Property:       AllocationBlockSize=1048576
                Other: thing=1
Child UUIDs:    22222222-2222-2222-2222-222222222222

UUID:           22222222-2222-2222-2222-222222222222
Parent UUID:    11111111-1111-1111-1111-111111111111
State:          created
Location:       /srv/Snapshots/{2}.vdi
Storage format: VDI
Capacity:       64 MBytes
In use by VMs:  vm 1 (UUID: aaaaaaaa-0000-0000-0000-000000000001) [s1 (UUID: bbbbbbbb-0000-0000-0000-000000000001)]
`;
  it('disks: differences count for their base', () => {
    const all = allDisks(disks);
    expect(all).toHaveLength(1);
    expect(all[0]).toMatchObject({
      location: '/srv/a.vdi',
      sizeBytes: 64 << 20,
      description: 'REX-Ray volume "a" {"x":"y: z"}',
    });
    expect(all[0]?.machines).toContain('aaaaaaaa-0000-0000-0000-000000000001');
  });
  it('machines, their places and notes', () => {
    const info = `name="a \\"b\\""\nUUID="ID-1"\nVMState="running"\nstoragecontrollername0="S-A"\nstoragecontrollertype0="IntelAhci"\nstoragecontrollermaxportcount0="30"\nstoragecontrollerportcount0="2"\n"S-A-0-0"="none"\n"S-A-1-0"="/srv/x.vdi"\n"S-A-ImageUUID-1-0"="X"\nnic1="nat"\nmacaddress1="080027aabbcc"\nnic2="none"\nmacaddress2="080027000000"\n`;
    expect(machineOf(info)).toMatchObject({
      id: 'id-1',
      name: 'a "b"',
      online: true,
      macs: ['080027AABBCC'],
      controllers: [{ name: 'S-A', ports: 2, mostPorts: 30 }],
      disks: [{ controller: 'S-A', port: 1, device: 0, id: 'x' }],
    });
    expect(takenSlots(info, 'S-A')).toEqual([{ controller: 'S-A', port: 1, device: 0 }]);
    expect([...allNotes('Key: GUI/x, Value: 1\nKey: rexray/a, Value: {"b": "c, Value: d"}\n', 'rexray/')]).toEqual([
      ['rexray/a', '{"b": "c, Value: d"}'],
    ]);
  });
  it('errors, with and without a number', () => {
    const said = `0%...\nVBoxManage: error: The machine 'x' is already locked for a session (or being unlocked)\nVBoxManage: error: Details: code VBOX_E_INVALID_OBJECT_STATE (0x80bb0007), component MachineWrap\nVBoxManage: error: Context: "LockMachine"\n`;
    expect(classify(failure(said, ['x'], 1))).toBe('busy');
    expect(failure(said, ['x'], 1).message).toContain('already locked');
    expect(classify(failure("VBoxManage: error: Could not find a controller named 'x'\n", ['x'], 1))).toBe('not_found');
    expect(
      classify(
        failure(
          'VBoxManage: error: Failed to create the VirtualBox object!\nVBoxManage: error: Code NS_ERROR_FACTORY_NOT_REGISTERED (0x80040154) - x\nVBoxManage: error: Most likely, the VirtualBox COM server is not running\n',
          ['x'],
          1,
        ),
      ),
    ).toBe('unavailable');
  });
  it('a program that is not there', async () => {
    const d = new VirtualBoxDriver(
      { transport: 'cli', vboxManagePath: '/nonexistent/VBoxManage', volumePath: '/v' },
      silentLogger,
      '/nonexistent',
    );
    expect(await failing(d.list({}, ctxOf()))).toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('vboxManagePath'),
    });
  });
});
