export { beginCall, freshCtx, whileCalling } from './calls.ts';
export { createIntegration, type IntegrationOptions } from './create-integration.ts';
export {
  type Env,
  intentKey,
  isCrash,
  lockKey,
  type Policy,
  pinKey,
  SimulatedCrash,
  type StepHook,
  scratchKey,
  volumeKey,
} from './env.ts';
export { giveBack, type Orphan, orphans } from './orphans.ts';
export { type Reconciled, reconcile, retryLeftovers } from './reconcile.ts';
export { RECOVERED } from './recover.ts';
export { placedError, type Served, serveStorage } from './serve-storage.ts';
export { WATCH_MS, watchOnce } from './watch.ts';
