export { ANSWERS, type AnswerName } from './answer-schemas.ts';
export { CallQuery, DryRunQuery } from './ask-schemas.ts';
export type { RemoteCallOptions } from './call.ts';
export { addressFor, type ClientFiles } from './client-settings.ts';
export { connect, type RemoteHealth, type RemoteOperation, type RestClient } from './connect.ts';
export { EVENT_NAMES, isEventName, isReplayed } from './event-names.ts';
export { broken, canceled, SILENCE_MS, silence, WENT_AWAY } from './faults.ts';
export { fingerprintText, type KnownHost, knownHost, knownHostsIn } from './known-hosts.ts';
export { PROBLEM_TYPE, type Problem, toProblem } from './problem.ts';
export type { EventsOptions, RemoteEvent } from './remote-events.ts';
export type { ServiceInfo } from './remote-integration.ts';
export {
  API,
  pathFields,
  ROUTES,
  type Route,
  type RouteOp,
  routeOf,
  type StorageRouteOp,
  VERB_ERRORS,
} from './routes.ts';
export type { ClientTls } from './tls.ts';
export type { Address } from './transport.ts';
export { argsOf, labelsOf, omit } from './wire.ts';
