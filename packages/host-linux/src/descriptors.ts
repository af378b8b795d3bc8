import type { Descriptors } from '@rexray/core';
import { setCloexec, tryLock } from '@rexray/kernel';

/** What a store needs of Linux; handed on from here, so that only this package knows where it comes from. */
export const descriptors: Descriptors = { setCloexec, tryLock };
