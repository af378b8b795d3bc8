import type { LegacyFacet } from '@rexray/core';

const deviceOf = (status: Readonly<Record<string, unknown>>): string | undefined =>
  typeof status.device === 'string' ? status.device.replace(/^\/dev\/sd/, '/dev/xvd') : undefined;

/** REX-Ray's: the name that EC2 has for the attachment is token and device; the server picks it. */
export const legacy: LegacyFacet = {
  type: 'block',
  nextDevice: { ignore: true, prefix: 'xvd', pattern: '[f-p]' },
  attachToken: (v) => deviceOf(v.status) ?? '',
  deviceName: (v, node) => (v.attachments.some((a) => a.node === node) ? deviceOf(v.status) : undefined),
};
