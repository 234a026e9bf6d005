import '#sys/load-parts.ts';
import { runtimeMain } from '#runtime/main.ts';
import { exitProcess } from '#sys/processes.ts';

exitProcess(runtimeMain());
