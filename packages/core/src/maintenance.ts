import { integer, list, options, type Check } from './check.js';
import { pageFile } from './error-pages.js';
import { ipNetwork } from './ip-address.js';
import type { MaintenanceSpec } from './spec.js';

/** Answers 503 instead of passing requests on, while something is being worked at. */
export interface Maintenance {
  /** File with the page: `.html`, `.json`, `.txt` or `.xml`. @default a line of text */
  readonly page?: string;
  /** When visitors are asked to come back. @default 300 */
  readonly retryAfterSeconds?: number;
  /** Client addresses or networks that are let through all the same. @default nobody */
  readonly except?: readonly string[];
}

/** `true` for all defaults; `false` is the same as not saying anything. */
export const maintenance: Check<MaintenanceSpec | undefined> = (value, path) => {
  if (value === false) return undefined;
  const { page, retryAfterSeconds, except } = options<Partial<MaintenanceSpec>>(
    value === true ? {} : value,
    path,
    { page: pageFile, retryAfterSeconds: integer(1, 31_536_000), except: list(ipNetwork) },
  );
  return {
    ...(page !== undefined && { page }),
    retryAfterSeconds: retryAfterSeconds ?? 300,
    except: except ?? [],
  };
};
