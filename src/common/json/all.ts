// Import this where size does not matter: the part of JSON that the static binary loads late.
import { register } from '#common/lazy.ts';
import * as exact from './exact.ts';

register('json-exact', exact);
