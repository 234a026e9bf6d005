import { agentMain } from '#native/agent/main.ts';
import { defineProgram } from '#sys/program.ts';

defineProgram('agent', agentMain);
