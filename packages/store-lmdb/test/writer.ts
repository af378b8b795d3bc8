/** A process that commits until it is killed, and prints what was acknowledged: `writer.ts <dir> <name> <mode>`. */
import { openStore } from './open.ts';

const [dir = '', name = '', mode = 'count'] = process.argv.slice(2);
const store = openStore(dir);
const print = (line: string): void => void process.stdout.write(`${line}\n`);

if (mode === 'count') {
  // Two keys a commit: a torn transaction would make them differ.
  for (let n = ((await store.get<number>(`${name}/a`)) ?? 0) + 1; ; n++) {
    await store.commit(
      [
        { put: `${name}/a`, value: n },
        { put: `${name}/b`, value: n },
      ],
      { durable: n % 3 !== 0 },
    );
    print(String(n));
  }
} else if (mode === 'add') {
  for (let done = 0; done < 200; ) {
    const n = (await store.get<number>('n')) ?? 0;
    const won = await store.commit(
      [
        { put: 'n', value: n + 1 },
        { put: `won/${n + 1}`, value: name },
      ],
      { durable: false, expect: { n: n === 0 ? undefined : n } },
    );
    if (won) done++;
  }
  await store.close();
} else {
  await store.commit([{ put: 'runtime', value: process.version }]);
  print(JSON.stringify({ runtime: await store.get('runtime'), keys: (await store.list('')).length }));
  await store.close();
}
