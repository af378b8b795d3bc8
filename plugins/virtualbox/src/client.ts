import type { Format } from './names.ts';

/** What every call is told: when to stop. */
export interface Patience {
  readonly signal: AbortSignal;
  /** On the clock of `performance.now()`, ms. */
  readonly deadline: number;
}

export interface Disk {
  /** Uuid of the medium, lower case. */
  readonly id: string;
  /** Path on the VirtualBox host. */
  readonly location: string;
  readonly format: string;
  readonly sizeBytes: number;
  readonly description: string;
  /** `making`: not whole yet; `inaccessible`: its file was not there when VirtualBox last looked. */
  readonly state: 'ready' | 'inaccessible' | 'making';
  /** Ids of the machines that VirtualBox counts as users, also by a snapshot of theirs, also by mistake. */
  readonly machines: readonly string[];
}

export interface Machine {
  readonly id: string;
  readonly name: string;
  /** Of its enabled network adapters, 12 hex digits, upper case. */
  readonly macs: readonly string[];
}

/** Where in a machine a disk is. */
export interface Slot {
  readonly controller: string;
  readonly port: number;
  readonly device: number;
}

/** Everything that is registered, seen in one pass; the rest is asked only for what is looked at. */
export interface Survey {
  /** Ids of base disks, whoever made them. */
  readonly disks: readonly string[];
  /** Names of our notes. */
  readonly notes: readonly string[];
  /** Disk → machines that have it attached. */
  attached(): Promise<ReadonlyMap<string, readonly string[]>>;
  size(id: string): Promise<number>;
  location(id: string): Promise<string>;
  description(id: string): Promise<string>;
  note(name: string): Promise<string | undefined>;
}

/** What a new disk shall be; `description` is on it from the beginning, or as soon as the transport can. */
export interface NewDisk {
  readonly location: string;
  readonly format: Format;
  readonly fixed: boolean;
  readonly description: string;
}

export interface AttachWish {
  readonly disk: string;
  readonly machine: string;
  readonly controller: string;
}

/**
 * VirtualBox, as far as volumes need it. Two implementations with the same behaviour: the web service and VBoxManage.
 * Notes are VirtualBox's own global extra data: the one place that can be written while a machine has a disk locked.
 * All throw {@link VboxError}.
 */
export interface Client {
  survey(p: Patience): Promise<Survey>;
  /** Undefined when no disk of this id is registered. */
  disk(id: string, p: Patience): Promise<Disk | undefined>;
  /** The disk of a file, registered or not; it is not registered by looking. Undefined when there is no such file. */
  diskAt(location: string, p: Patience): Promise<Disk | undefined>;
  /** Registers the disk of a file. @throws `not_found` */
  open(location: string, p: Patience): Promise<Disk>;
  /** @throws `exists` when the file is there; then nothing was changed. @returns the id */
  create(disk: NewDisk & { readonly sizeBytes: number }, p: Patience): Promise<string>;
  /** A full copy of a disk that nothing writes to. @throws `exists`, `locked` */
  copy(from: string, disk: NewDisk, p: Patience): Promise<string>;
  /** @returns the size that VirtualBox shows afterwards, in bytes */
  resize(id: string, sizeBytes: number, p: Patience): Promise<number>;
  describe(id: string, text: string, p: Patience): Promise<void>;
  /** Deletes file and registration; a disk whose file is lost is only unregistered. Absent = ok. @throws `in_use` */
  remove(id: string, p: Patience): Promise<void>;
  /** Looks at the file of a disk now. */
  accessible(id: string, p: Patience): Promise<boolean>;

  notes(p: Patience): Promise<readonly string[]>;
  /** Names and texts of the notes that `which` accepts. */
  notesWhere(which: (name: string) => boolean, p: Patience): Promise<ReadonlyMap<string, string>>;
  note(name: string, p: Patience): Promise<string | undefined>;
  /** Undefined removes it. */
  setNote(name: string, text: string | undefined, p: Patience): Promise<void>;

  machines(p: Patience): Promise<readonly Machine[]>;
  machine(nameOrId: string, p: Patience): Promise<Machine | undefined>;
  /** Idempotent; the settings of the machine are saved. @throws `locked` once patience ends */
  attach(wish: AttachWish, p: Patience): Promise<Slot>;
  /** Takes the disk off the machine wherever it is. @returns whether it was there */
  detach(wish: Omit<AttachWish, 'controller'>, p: Patience): Promise<boolean>;

  /** Takes up what dead processes of this node left locked. @returns what was done, as sentences */
  recover(p: Patience): Promise<readonly string[]>;
  /** Calls or programs so far. */
  readonly calls: number;
  close(): Promise<void>;
}

/** Names of notes: everything of ours in VirtualBox's extra data begins so. */
export const NOTE = 'rexray/';

/** Patience of its own for what must be ended whatever became of the caller (unlocking, undoing). */
export const lastWords = (ms = 20_000): Patience => ({
  signal: new AbortController().signal,
  deadline: performance.now() + ms,
});

export const left = (p: Patience): number => Math.max(0, p.deadline - performance.now());
