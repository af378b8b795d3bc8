/** A whole storage driver: a volume is a directory `<root>/<id>`; what is known about it is in `<root>/<id>.json`. */
import { randomUUID } from 'node:crypto';
import * as fs from 'node:fs';
import { join } from 'node:path';
import * as core from '@rexray/core';
import { type Static, schema, Type } from '@rexray/core/schema';

const Config = Type.Object({ root: Type.String({ description: 'Directory that holds the volumes' }) });
type Volume = core.DriverVolume<object>;
/** Each verb is one synchronous stretch, so none of this process comes in between; the host's lock keeps others out. */
export class CupboardDriver implements core.StorageDriver<object> {
  readonly traits: core.Traits = { scope: 'local', multiWriter: false, fencing: 'none' };
  readonly #root: string;
  constructor({ root }: Static<typeof Config>) {
    fs.mkdirSync(root, { recursive: true });
    this.#root = fs.realpathSync(root);
  }
  whoami = async (facts: core.NodeFacts): Promise<string> => facts.nodeId;
  async list(q: { cursor?: string; limit?: number }): Promise<core.Page<Volume>> {
    const rest = this.#all().filter((v) => v.id > (q.cursor ?? ''));
    const items = rest.slice(0, q.limit);
    return { items, ...(items.length < rest.length && { next: items.at(-1)?.id ?? '' }) };
  }
  get = async (id: string): Promise<Volume> => this.#read(id);
  async create(name: string, spec: core.VolumeSpec<object>, ctx: core.Ctx): Promise<Volume> {
    ctx.signal.throwIfAborted();
    const have = this.#all().find((v) => v.name === name);
    if (have !== undefined && (!spec.asked.includes('size') || have.sizeBytes >= spec.sizeBytes)) return have;
    const differs = { size: { have: have?.sizeBytes, asked: spec.sizeBytes } };
    if (have) throw new core.VolumeError('already_exists', `"${name}" is smaller.`, { details: { differs } });
    const v = { id: randomUUID(), name, sizeBytes: spec.sizeBytes, params: {}, attachments: [] };
    fs.mkdirSync(join(this.#root, v.id));
    return this.#save({ ...v, record: { ...spec.record, revision: randomUUID() } });
  }
  async remove(id: string): Promise<void> {
    const node = this.#all().find((v) => v.id === id)?.attachments[0]?.node;
    if (node !== undefined) throw inUse(node);
    fs.rmSync(join(this.#root, `${id}.json`), { force: true }); // from here on it is gone for everybody
    fs.rmSync(join(this.#root, id), { recursive: true, force: true });
  }
  async attach(id: string, node: string, o: core.AttachOptions): Promise<core.Attachment> {
    const v = this.#read(id);
    const other = v.attachments.find((a) => a.node !== node);
    if (other !== undefined && o.force !== 'unsafe') throw inUse(other.node);
    this.#save({ ...v, attachments: [{ node, bootId: o.bootId, epoch: 0, readonly: o.readonly }] });
    return { kind: 'dir', path: join(this.#root, id), readonly: o.readonly };
  }
  async detach(id: string, node: string): Promise<void> {
    const v = this.#read(id);
    this.#save({ ...v, attachments: v.attachments.filter((a) => a.node !== node) });
  }
  async mark(id: string, patch: core.RecordPatch, o: { ifRevision: string }): Promise<Volume> {
    const v = this.#read(id);
    return this.#save({ ...v, record: core.nextRecord(v.record, patch, { ...o, revision: randomUUID() }) });
  }
  #read = (id: string): Volume => JSON.parse(fs.readFileSync(join(this.#root, `${id}.json`), 'utf8'));
  #all(): Volume[] {
    const files = fs.readdirSync(this.#root).filter((f) => f.endsWith('.json'));
    return files.sort().map((f) => this.#read(f.slice(0, -5)));
  }
  #save(v: Volume): Volume {
    const file = join(this.#root, `${v.id}.json`);
    fs.writeFileSync(`${file}.new`, JSON.stringify(v), { flush: true });
    fs.renameSync(`${file}.new`, file);
    const dir = fs.openSync(this.#root, 'r');
    fs.fsyncSync(dir); // the new name is on disk too before anybody acts on it
    fs.closeSync(dir);
    return v;
  }
}
const inUse = (node: string): Error => new core.VolumeError('in_use', `${node} has it.`, { details: { node } });
export default core.definePlugin({
  kind: 'storage',
  name: 'cupboard',
  config: schema(Config),
  params: schema(Type.Object({})),
  deps: [core.CONFIG],
  driver: CupboardDriver,
  classify: (e) => ((e as { code?: string }).code === 'ENOENT' ? 'not_found' : undefined),
});
