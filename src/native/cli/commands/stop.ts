import { endingCommand } from '../container/ending.ts';

export const command = endingCommand('stop', { summary: 'Stop one or more running containers', subject: 'running' });
