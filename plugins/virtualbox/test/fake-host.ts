/**
 * A FAKE of vboxwebsrv, labelled as such: it answers what the real one cannot be brought to say without its kernel module (a
 * machine that runs) and what it says only when it is broken. Everything else is tested against the real one.
 */
import { createServer, type Server } from 'node:http';
import { createServer as createSecure } from 'node:https';

export type Answer = string | readonly string[] | { readonly fault: string };
export type Answers = (method: string, args: Readonly<Record<string, string>>) => Answer | undefined;

export interface FakeHost {
  readonly port: number;
  /** What was asked, in order: method and arguments. */
  readonly asked: { readonly method: string; readonly args: Readonly<Record<string, string>> }[];
  close(): Promise<void>;
}

export const runtimeFault = (result: number, text: string): { readonly fault: string } => ({
  fault: `<faultcode>SOAP-ENV:Client</faultcode><faultstring>VirtualBox error: ${text}</faultstring><detail><vbox:RuntimeFault><resultCode>${result | 0}</resultCode><returnval>e-1</returnval></vbox:RuntimeFault></detail>`,
});
export const BARE_FAULT = { fault: '<faultcode>SOAP-ENV:Client</faultcode>' } as const;
export const forgotten = (ref: string): { readonly fault: string } => ({
  fault: `<faultcode>SOAP-ENV:Client</faultcode><faultstring>VirtualBox error: Invalid managed object reference "${ref}"</faultstring><detail><vbox:InvalidObjectFault><badObjectID>${ref}</badObjectID></vbox:InvalidObjectFault></detail>`,
});

export async function fakeHost(
  answers: Answers,
  tls?: { readonly key: string; readonly cert: string },
): Promise<FakeHost> {
  const asked: FakeHost['asked'] = [];
  const handle: Parameters<typeof createServer>[1] = (request, response) => {
    let xml = '';
    request.on('data', (d: Buffer) => {
      xml += d.toString();
    });
    request.on('end', () => {
      const [, method = '', inner = ''] = /<vbox:(\w+)>(.*)<\/vbox:\1>/s.exec(xml) ?? [];
      const args = Object.fromEntries(
        [...inner.matchAll(/<(\w+)>([^<]*)<\/\1>/g)].map((m) => [m[1] ?? '', m[2] ?? '']),
      );
      asked.push({ method, args });
      const a = answers(method, args) ?? '';
      const failed = typeof a === 'object' && 'fault' in a;
      const values = failed ? [] : typeof a === 'string' ? [a] : a;
      const body = failed
        ? `<SOAP-ENV:Fault>${a.fault}</SOAP-ENV:Fault>`
        : `<vbox:${method}Response>${values.map((v) => `<returnval>${v}</returnval>`).join('')}</vbox:${method}Response>`;
      response.writeHead(failed ? 500 : 200, { 'content-type': 'text/xml' });
      response.end(
        `<?xml version="1.0"?><SOAP-ENV:Envelope xmlns:SOAP-ENV="http://schemas.xmlsoap.org/soap/envelope/" xmlns:vbox="http://www.virtualbox.org/"><SOAP-ENV:Body>${body}</SOAP-ENV:Body></SOAP-ENV:Envelope>`,
      );
    });
  };
  const server: Server = tls === undefined ? createServer(handle) : createSecure(tls, handle);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  const a = server.address();
  return {
    port: typeof a === 'object' && a !== null ? a.port : 0,
    asked,
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
