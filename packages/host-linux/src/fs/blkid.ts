import { isFsType, type Probe } from '@rexray/core';
import { runProgram, type Tools } from './programs.ts';
import type { Place } from './reader.ts';

const FOUND_NOTHING = 2;
const AMBIVALENT = 8;

const fields = (text: string): ReadonlyMap<string, string> =>
  new Map(
    text.split('\n').flatMap((line) => {
      const at = line.indexOf('=');
      return at > 0 ? [[line.slice(0, at), line.slice(at + 1)] as const] : [];
    }),
  );

/**
 * A second opinion before a device is called blank or unknown: libblkid knows more formats than our table. Whatever it
 * finds and we did not verify is not ours to format.
 * @throws `unavailable` without blkid: a proof with half of its witnesses is none
 */
export async function askBlkid(place: Place, tools: Tools): Promise<Probe | undefined> {
  const said = await runProgram(tools, 'blkid', ['-p', '-o', 'export', '--', place.path]);
  if (said.exitCode === FOUND_NOTHING) return undefined;
  if (said.exitCode === AMBIVALENT) return { verdict: 'foreign', found: 'several signatures at once (blkid)' };
  const found = fields(said.text);
  const type = found.get('TYPE') ?? found.get('PTTYPE');
  if (said.exitCode !== 0 || type === undefined) return { verdict: 'unknown', found: `blkid: ${said.text}` };
  const uuid = found.get('UUID');
  if (!isFsType(type)) return { verdict: 'foreign', found: `${type} (blkid)` };
  return { verdict: 'damaged', fsType: type, ...(uuid && { uuid }), found: `${type} (blkid) that does not verify` };
}
