import { expect, it } from 'vitest';
import { pluginConfig } from '../docker-plugin/config.mjs';

/** What installations of REX-Ray's plugin `rexray/ebs` set (`docker plugin install rexray/ebs EBS_ACCESSKEY=…`). */
const REXRAY = [
  ...['DOCKER_LEGACY', 'REXRAY_FSTYPE', 'REXRAY_LOGLEVEL', 'REXRAY_PREEMPT', 'HTTP_PROXY'],
  ...['LIBSTORAGE_INTEGRATION_VOLUME_OPERATIONS_MOUNT_ROOTPATH', 'LINUX_VOLUME_ROOTPATH', 'LINUX_VOLUME_FILEMODE'],
  ...['CSI_ENDPOINT', 'X_CSI_DRIVER', 'X_CSI_NATIVE'],
  ...['EBS_ACCESSKEY', 'EBS_SECRETKEY', 'EBS_REGION', 'EBS_ENDPOINT', 'EBS_KMSKEYID', 'EBS_MAXRETRIES'],
  ...['EBS_STATUSINITIALDELAY', 'EBS_STATUSMAXATTEMPTS', 'EBS_STATUSTIMEOUT', 'EBS_USELARGEDEVICERANGE'],
];

it('the managed plugin of ebs takes every variable that REX-Ray’s takes, and has its places', async () => {
  const config = await pluginConfig('ebs');
  const settable = config.env.filter((e) => e.settable !== null).map((e) => e.name);
  expect(REXRAY.filter((name) => !settable.includes(name))).toEqual([]);
  expect(new Set(settable).size).toBe(settable.length);
  expect(config).toMatchObject({
    interface: { types: ['docker.volumedriver/1.0'], socket: 'rexray.sock' },
    propagatedMount: '/var/lib/rexray',
    network: { type: 'host' },
    linux: { allowAllDevices: true, capabilities: expect.arrayContaining(['CAP_SYS_ADMIN']) },
  });
  expect(config.mounts).toContainEqual(expect.objectContaining({ source: '/dev', destination: '/dev' }));
  expect(config.env).toContainEqual(expect.objectContaining({ name: 'LIBSTORAGE_SERVICE', value: 'ebs' }));
});
