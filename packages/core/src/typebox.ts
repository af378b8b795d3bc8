/**
 * The parts of typebox that are used at run time. The build packs them into this one file: typebox is some 700 modules, and
 * reading them one by one took longer than everything else at the start of a program.
 */
export { type Static, type TSchema, Type } from 'typebox';
export { Value } from 'typebox/value';
