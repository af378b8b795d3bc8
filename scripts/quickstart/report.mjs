/** What the quick start prints: each step with its time, and what the machine has before and after. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

const began = performance.now();
const seconds = (ms) => `${(ms / 1000).toFixed(2).padStart(6)} s`;

export function heading(text) {
  console.log(`\n${text}`);
}

/** The person at the terminal wants it to end. */
export class Interrupted extends Error {}
let interrupted = false;
/** From now on no step begins. */
export function interrupt() {
  interrupted = true;
}

/** Runs one step and prints its time and what it found. @throws Interrupted before and after the step, once somebody asked for the end */
export async function step(text, run) {
  if (interrupted) throw new Interrupted();
  const start = performance.now();
  const said = await run();
  if (interrupted) throw new Interrupted();
  console.log(`  ${seconds(performance.now() - start)}  ${text}${said === undefined ? '' : `: ${said}`}`);
}

export const say = (text) => console.log(`            ${text}`);
export const total = () => seconds(performance.now() - began).trim();

/** Loop devices and mounts of this machine whose image or target is ours: other programs may change theirs meanwhile. */
export function machineState(ours) {
  const loops = tryRun('losetup', ['--list', '--noheadings', '--output', 'NAME,BACK-FILE']).trim();
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[4])
    .filter((target) => target?.includes(ours));
  return {
    loops: loops
      .split('\n')
      .filter((l) => l.includes(ours))
      .sort(),
    mounts: mounts.sort(),
  };
}

export function showState(when, state) {
  say(`${when}: ${state.loops.length} loop devices and ${state.mounts.length} mounts of this quick start`);
  for (const line of [...state.loops, ...state.mounts]) say(`  ${line}`);
}

function tryRun(file, args) {
  try {
    return execFileSync(file, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  } catch {
    return '';
  }
}
