import { XMLParser } from 'fast-xml-parser';
import { failed, VboxError } from '../errors.ts';

export type Value = string | number | boolean;
export type Arguments = Readonly<Record<string, Value | readonly string[]>>;

const SOAP = 'http://schemas.xmlsoap.org/soap/envelope/';
const VBOX = 'http://www.virtualbox.org/';

// Control characters have no place in XML 1.0, not even escaped.
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is refused
const UNSPEAKABLE = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/;
const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  '\r': '&#13;',
};

/** @throws VboxError `argument` for characters that XML cannot carry */
function escaped(value: Value): string {
  const text = String(value);
  if (UNSPEAKABLE.test(text)) throw new VboxError('argument', 'A text has control characters, which SOAP cannot carry');
  return text.replace(/[&<>"\r]/g, (c) => ESCAPES[c] ?? c);
}

/** The request of one method; children are unqualified, in the order that is given. */
export function envelope(method: string, args: Arguments): string {
  const inner = Object.entries(args)
    .flatMap(([key, v]) => (Array.isArray(v) ? v : [v]).map((one) => `<${key}>${escaped(one as Value)}</${key}>`))
    .join('');
  return (
    `<?xml version="1.0" encoding="UTF-8"?><s:Envelope xmlns:s="${SOAP}" xmlns:vbox="${VBOX}">` +
    `<s:Body><vbox:${method}>${inner}</vbox:${method}></s:Body></s:Envelope>`
  );
}

/** What a response element holds: each child is a text or a structure, one or several. */
export class Reply {
  readonly #fields: Readonly<Record<string, readonly unknown[]>>;
  constructor(fields: Readonly<Record<string, readonly unknown[]>>) {
    this.#fields = fields;
  }

  /** One text; empty where the element is empty or absent. */
  text(field = 'returnval'): string {
    return asText(this.#fields[field]?.[0]);
  }
  /** An empty list has no element at all. */
  texts(field = 'returnval'): string[] {
    return (this.#fields[field] ?? []).map(asText);
  }
  structures(field = 'returnval'): Readonly<Record<string, string>>[] {
    return (this.#fields[field] ?? []).flatMap((s) =>
      typeof s === 'object' && s !== null
        ? [Object.fromEntries(Object.entries(s).map(([k, v]) => [k, asText((v as unknown[])[0])]))]
        : [],
    );
  }
}

const asText = (x: unknown): string => (typeof x === 'string' ? x : '');

// Values stay as they are sent: uuids, names and JSON must not be taken for numbers or trimmed.
const parser = new XMLParser({
  ignoreAttributes: true,
  removeNSPrefix: true,
  parseTagValue: false,
  trimValues: false,
  ignoreDeclaration: true,
  processEntities: true,
  // Numeric ones, too.
  htmlEntities: true,
  isArray: (_name, path) => String(path).split('.').length > 3,
});

interface Fault {
  readonly faultstring?: readonly unknown[];
  readonly detail?: readonly {
    readonly RuntimeFault?: readonly {
      readonly resultCode?: readonly string[];
      readonly returnval?: readonly string[];
    }[];
    readonly InvalidObjectFault?: readonly unknown[];
  }[];
}

/** The error information that a fault left on the server: released, or it stays until the session ends. */
export interface Answer {
  readonly reply?: Reply;
  readonly error?: VboxError;
  readonly leftover?: string;
}

/** Reads a response. @throws VboxError `protocol` when it is none of vboxwebsrv */
export function answer(xml: string, method: string): Answer {
  let body: Readonly<Record<string, unknown>> | undefined;
  try {
    body = (parser.parse(xml) as { Envelope?: { Body?: Record<string, unknown> } }).Envelope?.Body;
  } catch (cause) {
    throw notVboxwebsrv(xml, cause);
  }
  if (body === undefined) throw notVboxwebsrv(xml);
  if (body.Fault !== undefined) return fault(body.Fault as Fault, method);
  const response = body[`${method}Response`];
  if (response === undefined) throw notVboxwebsrv(xml);
  return { reply: new Reply((typeof response === 'object' ? response : {}) as Record<string, unknown[]>) };
}

function fault(f: Fault, method: string): Answer {
  const text = asText(f.faultstring?.[0]);
  const detail = f.detail?.[0];
  const runtime = detail?.RuntimeFault?.[0];
  if (runtime !== undefined) {
    const leftover = asText(runtime.returnval?.[0]);
    const error = failed(Number(asText(runtime.resultCode?.[0])), `${text || method}`);
    return { error, ...(leftover !== '' && { leftover }) };
  }
  if (detail?.InvalidObjectFault !== undefined || /Invalid managed object reference/.test(text)) {
    return { error: new VboxError('reference', text.replace('VirtualBox error: ', '')) };
  }
  // A bare fault is all that a logon says: see session.ts for what it can mean.
  return { error: new VboxError(text === '' ? 'login' : 'other', text === '' ? `${method} was refused` : text) };
}

const notVboxwebsrv = (xml: string, cause?: unknown): VboxError =>
  new VboxError('protocol', `The answer is not one of vboxwebsrv: ${JSON.stringify(xml.slice(0, 120))}`, { cause });
