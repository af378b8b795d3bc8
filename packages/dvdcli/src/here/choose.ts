import type { ModuleConfig } from '@rexray/runtime/config';
import { DEFAULT_DRIVER } from '../command-line.ts';
import type { Backend } from './volumes.ts';

/** The service that a volume driver's name means: that of the module of this name, else (`rexray`) the default one, else the one called so. */
export function chooseService(
  driver: string,
  { services, defaultService }: Pick<Backend, 'services' | 'defaultService'>,
  modules: Readonly<Record<string, Pick<ModuleConfig, 'service' | 'disabled'>>>,
): string | undefined {
  const wanted = driver.toLowerCase();
  const fit = (names: readonly string[]): string | undefined => names.find((n) => n.toLowerCase() === wanted);
  const module = modules[fit(Object.keys(modules)) ?? ''];
  const known = (name: string | undefined): string | undefined =>
    name !== undefined && services.includes(name) ? name : undefined;
  return (
    (module?.disabled === false ? (known(module.service) ?? defaultService) : undefined) ??
    (wanted === DEFAULT_DRIVER ? defaultService : undefined) ??
    fit(services)
  );
}
