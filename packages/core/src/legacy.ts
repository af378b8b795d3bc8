import type { Volume } from './api.ts';

/**
 * What clients of libStorage v1 (REX-Ray up to 0.11) must be told beside what the driver interface says. Optional: a driver
 * without it is served to them without attach tokens. Plain functions of data: nothing here speaks to a storage.
 */
export interface LegacyFacet {
  /** REX-Ray's word for the kind of storage: decides whether a client formats. */
  readonly type: 'block' | 'nas' | 'object';
  /** How a client would pick the name of the next device; `ignore`: it need not. Absent: `{ ignore: true }`. */
  readonly nextDevice?: { readonly ignore: boolean; readonly prefix?: string; readonly pattern?: string };
  /**
   * What the client looks for among its local devices once the volume is attached; it compares in lower case, and waits for
   * nothing where the text is empty. @param volume as it is after the attach
   */
  attachToken(volume: Volume, node: string): string;
  /** Name of the device on the node, as the storage knows it; undefined: only the node knows. */
  deviceName?(volume: Volume, node: string): string | undefined;
}
