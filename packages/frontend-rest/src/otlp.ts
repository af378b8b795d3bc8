import { type Attributes, type HrTime, trace } from '@opentelemetry/api';
import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace-base';
import { CORE_VERSION, type Logger } from '@rexray/core';

type Env = Readonly<Record<string, string | undefined>>;
const SEND_MS = 10_000;

/**
 * Sends spans to a collector where OpenTelemetry's own variables name one (`OTEL_EXPORTER_OTLP_ENDPOINT`, or `…_TRACES_ENDPOINT`).
 * A process that has registered a provider of its own is left alone.
 * @returns what sends the rest and ends it
 */
export async function exportSpans(env: Env, logger: Logger): Promise<() => Promise<void>> {
  const base = env.OTEL_EXPORTER_OTLP_ENDPOINT?.replace(/\/$/, '');
  const url = env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT ?? (base ? `${base}/v1/traces` : undefined);
  if (!url || env.OTEL_SDK_DISABLED === 'true') return async () => {};
  try {
    const { BasicTracerProvider, BatchSpanProcessor } = await import('@opentelemetry/sdk-trace-base');
    const exporter = new Otlp(url, env.OTEL_SERVICE_NAME ?? 'rexray', logger);
    const provider = new BasicTracerProvider({ spanProcessors: [new BatchSpanProcessor(exporter)] });
    if (!trace.setGlobalTracerProvider(provider)) return async () => {};
    logger.info({ url }, 'spans are sent to a collector');
    return async () => {
      trace.disable();
      await provider.shutdown();
    };
  } catch (e) {
    logger.warn(
      { err: (e as Error).message },
      'spans are not sent: @opentelemetry/sdk-trace-base is not installed (npm install @opentelemetry/sdk-trace-base@2)',
    );
    return async () => {};
  }
}

/** OTLP over HTTP as JSON. A collector that is away is said once, until it is back. */
class Otlp implements SpanExporter {
  readonly #url: string;
  readonly #resource: object;
  readonly #logger: Logger;
  #away = false;

  constructor(url: string, service: string, logger: Logger) {
    this.#url = url;
    this.#logger = logger;
    this.#resource = { attributes: attributesOf({ 'service.name': service, 'service.version': CORE_VERSION }) };
  }

  export(spans: ReadableSpan[], done: Parameters<SpanExporter['export']>[1]): void {
    this.#send(spans).then(
      () => done({ code: 0 }),
      (error: Error) => {
        if (!this.#away) this.#logger.warn({ url: this.#url, err: error.message }, 'the collector does not take spans');
        this.#away = true;
        done({ code: 1, error });
      },
    );
  }

  async shutdown(): Promise<void> {}

  async #send(spans: readonly ReadableSpan[]): Promise<void> {
    const scopeSpans = [{ scope: { name: 'rexray', version: CORE_VERSION }, spans: spans.map(spanOf) }];
    const r = await fetch(this.#url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ resourceSpans: [{ resource: this.#resource, scopeSpans }] }),
      signal: AbortSignal.timeout(SEND_MS),
    });
    await r.arrayBuffer();
    if (!r.ok) throw new Error(`it answered ${r.status}`);
    this.#away = false;
  }
}

const nanos = ([seconds, rest]: HrTime): string => `${seconds}${String(rest).padStart(9, '0')}`;

const attributesOf = (a: Attributes): object[] =>
  Object.entries(a).map(([key, v]) => ({
    key,
    value:
      typeof v === 'number'
        ? { doubleValue: v }
        : typeof v === 'boolean'
          ? { boolValue: v }
          : { stringValue: String(v) },
  }));

const spanOf = (s: ReadableSpan): object => ({
  traceId: s.spanContext().traceId,
  spanId: s.spanContext().spanId,
  ...(s.parentSpanContext !== undefined && { parentSpanId: s.parentSpanContext.spanId }),
  name: s.name,
  // OTLP counts from 1: 0 says nothing.
  kind: s.kind + 1,
  startTimeUnixNano: nanos(s.startTime),
  endTimeUnixNano: nanos(s.endTime),
  attributes: attributesOf(s.attributes),
  status: { code: s.status.code, ...(s.status.message !== undefined && { message: s.status.message }) },
});
