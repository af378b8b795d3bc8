/** Go's idea of what is empty. */
export const truth = (v: unknown): boolean =>
  !(v === undefined || v === null || v === false || v === 0 || v === '') &&
  !(Array.isArray(v) && v.length === 0) &&
  !(typeof v === 'object' && v !== null && Object.keys(v).length === 0);

/** As Go prints values: lists and maps in their brackets, nothing for what is not there. */
export function shown(v: unknown): string {
  if (v === undefined || v === null) return '';
  if (Array.isArray(v)) return `[${v.map(shown).join(' ')}]`;
  if (typeof v === 'object')
    return `map[${Object.entries(v)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([k, x]) => `${k}:${shown(x)}`)
      .join(' ')}]`;
  return String(v);
}
