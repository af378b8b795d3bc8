import { VolumeError } from '@rexray/core';
import type { EbsConfig } from './config.ts';

const USUAL = 'http://169.254.169.254';
const TOKEN_SECONDS = 300;
const ANSWER_MS = 1_000;

export interface InstanceDocument {
  readonly instanceId: string;
  readonly region: string;
  readonly availabilityZone: string;
  readonly instanceType?: string;
  readonly accountId?: string;
}

/** Who this instance is, by version 2 of the metadata service (a token first; version 1 is never tried). */
export class Metadata {
  readonly #endpoint: string;
  readonly #disabled: boolean;
  #asked: Promise<InstanceDocument> | undefined;

  constructor(c: Pick<EbsConfig, 'metadataEndpoint'>, env: Readonly<Record<string, string | undefined>> = process.env) {
    const given = c.metadataEndpoint || env.AWS_EC2_METADATA_SERVICE_ENDPOINT || USUAL;
    this.#endpoint = given.replace(/\/+$/, '');
    this.#disabled = env.AWS_EC2_METADATA_DISABLED?.toLowerCase() === 'true';
  }

  /** @throws VolumeError `unavailable`: why it does not answer, and what to do */
  document(signal: AbortSignal): Promise<InstanceDocument> {
    this.#asked ??= this.#ask(signal).catch((e: unknown) => {
      this.#asked = undefined;
      throw e;
    });
    return this.#asked;
  }

  async #ask(signal: AbortSignal): Promise<InstanceDocument> {
    if (this.#disabled) throw silent('it is switched off (AWS_EC2_METADATA_DISABLED)', this.#endpoint);
    const token = await this.#fetch(
      '/latest/api/token',
      { method: 'PUT', headers: { 'x-aws-ec2-metadata-token-ttl-seconds': String(TOKEN_SECONDS) } },
      signal,
    );
    const headers = { 'x-aws-ec2-metadata-token': token };
    const text = await this.#fetch('/latest/dynamic/instance-identity/document', { headers }, signal);
    const d = JSON.parse(text) as Partial<InstanceDocument>;
    if (d.instanceId === undefined || d.region === undefined || d.availabilityZone === undefined) {
      throw silent('its identity document names no instance', this.#endpoint);
    }
    return { ...d, instanceId: d.instanceId, region: d.region, availabilityZone: d.availabilityZone };
  }

  async #fetch(
    path: string,
    o: { method?: string; headers: Record<string, string> },
    signal: AbortSignal,
  ): Promise<string> {
    let status: number;
    try {
      const r = await fetch(this.#endpoint + path, {
        ...o,
        redirect: 'error',
        signal: AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS)]),
      });
      if (r.ok) return await r.text();
      status = r.status;
    } catch (e) {
      signal.throwIfAborted();
      // A token request whose hop limit is used up is dropped on the way back: it looks like silence.
      throw silent('it does not answer', this.#endpoint, e);
    }
    throw silent(`${path} answers ${status}`, this.#endpoint);
  }
}

const silent = (why: string, endpoint: string, cause?: unknown): VolumeError<'unavailable'> =>
  new VolumeError(
    'unavailable',
    `The EC2 instance metadata service at ${endpoint} cannot say which instance this is: ${why}.`,
    {
      details: { found: why },
      cause,
      hint: 'In a container, raise the hop limit to 2 (aws ec2 modify-instance-metadata-options --http-put-response-hop-limit 2). Off EC2, set ebs.instanceID and ebs.region.',
    },
  );
