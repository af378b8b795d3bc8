/** A Marathon application of type DOCKER, as far as it decides what is run. */
export interface MarathonApp {
  readonly id: string;
  readonly cpus: number;
  /** MiB */
  readonly mem: number;
  readonly env?: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
  readonly container: {
    readonly docker: {
      readonly image: string;
      readonly network: 'BRIDGE' | 'HOST' | 'NONE';
      readonly privileged?: boolean;
      readonly portMappings?: readonly { readonly containerPort: number; readonly protocol?: string }[];
      readonly parameters?: readonly { readonly key: string; readonly value: string }[];
    };
  };
}

/** What the Mesos agent decides for one task. */
export interface MesosTask {
  readonly engine: string;
  readonly taskId: string;
  readonly containerName: string;
  readonly sandbox: string;
  readonly hostname: string;
  readonly ports: readonly number[];
}

/** Mesos never gives a container less than these. */
const MIN_CPU_SHARES = 2;
const MIN_MEMORY = 4 * 1024 * 1024;
const CPU_SHARES_PER_CPU = 1024;

/**
 * The command line that Mesos's Docker containerizer runs for a task of the application. Each of Marathon's `parameters`
 * becomes `--key=value`: that is how a volume and its driver get there.
 */
export function dockerRun(app: MarathonApp, task: MesosTask): readonly string[] {
  const { image, network, privileged, portMappings = [], parameters = [] } = app.container.docker;
  const shares = Math.max(Math.trunc(CPU_SHARES_PER_CPU * app.cpus), MIN_CPU_SHARES);
  const memory = Math.max(Math.trunc(app.mem * 1024 * 1024), MIN_MEMORY);
  const environment: Readonly<Record<string, string>> = {
    ...app.env,
    MARATHON_APP_ID: `/${app.id.replace(/^\//, '')}`,
    MESOS_TASK_ID: task.taskId,
    HOST: task.hostname,
    ...Object.fromEntries(task.ports.map((p, i) => [`PORT${i}`, String(p)])),
    MESOS_SANDBOX: '/mnt/mesos/sandbox',
    MESOS_CONTAINER_NAME: task.containerName,
  };
  const published = network === 'BRIDGE' ? portMappings : [];
  return [
    ...['docker', '-H', task.engine, 'run'],
    ...(privileged === true ? ['--privileged'] : []),
    ...['--cpu-shares', String(shares), '--memory', String(memory)],
    ...Object.entries(environment).flatMap(([k, v]) => ['-e', `${k}=${v}`]),
    ...['-v', `${task.sandbox}:/mnt/mesos/sandbox`],
    ...['--net', network.toLowerCase()],
    ...published.flatMap((m, i) => ['-p', `${task.ports[i]}:${m.containerPort}/${m.protocol ?? 'tcp'}`]),
    ...parameters.map(({ key, value }) => `--${key}=${value}`),
    ...['--name', task.containerName],
    image,
    ...(app.args ?? []),
  ];
}
