/** Calling an object of another process: what the host worker is made of, and drivers that may block can be. */
export { childChannel, parentChannel } from './channel.ts';
export { RpcClient } from './client.ts';
export type { Channel, Message, ObjectRef, Shape } from './protocol.ts';
export { serve } from './serve.ts';
