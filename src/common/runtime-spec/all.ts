// Import this where size does not matter: every part of common/ that the static binary loads late.
import '#common/json/all.ts';
import { register } from '#common/lazy.ts';
import * as rare from './rare.ts';

register('config-rare', rare);
