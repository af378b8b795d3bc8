import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const found = (program: string): string =>
  execFileSync('sh', ['-c', `PATH=$PATH:/usr/sbin:/sbin command -v ${program}`], { encoding: 'utf8' }).trim();

/** Programs that die at a chosen write of theirs: strace stands before them on PATH, and kills what it watches. */
export class DoomedPrograms {
  /** Of one program, as far as strace counts. */
  static readonly MOST = 65_535;
  readonly #dir: string;

  constructor(dir: string, programs: readonly string[]) {
    this.#dir = join(dir, 'bin');
    mkdirSync(this.#dir);
    for (const program of programs) {
      const [shim, real] = [join(this.#dir, program), found(program)];
      const lines = [
        '#!/bin/sh',
        `n=$(head -n 1 ${this.#dir}/plan); sed -i 1d ${this.#dir}/plan`,
        `[ "\${n:-0}" = 0 ] && exec ${real} "$@"`,
        `exec strace -o ${this.#dir}/writes -e trace=pwrite64 -e inject=pwrite64:signal=KILL:when=$n ${real} "$@"`,
      ];
      writeFileSync(shim, `${lines.join('\n')}\n`);
      chmodSync(shim, 0o755);
    }
    this.plan();
    process.env.PATH = `${this.#dir}:${process.env.PATH}`;
  }

  /** For the programs in the order of their starts: at which write each dies, 0 = not at all. */
  plan(...writes: readonly number[]): void {
    writeFileSync(join(this.#dir, 'plan'), writes.map((n) => `${n}\n`).join(''));
  }

  /** How many writes the last one began whose plan was not 0. */
  get writes(): number {
    const log = join(this.#dir, 'writes');
    return existsSync(log) ? (readFileSync(log, 'utf8').match(/^pwrite/gm)?.length ?? 0) : 0;
  }
}
