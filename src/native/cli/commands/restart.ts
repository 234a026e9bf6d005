import { endingCommand } from '../container/ending.ts';

export const command = endingCommand('restart', { summary: 'Restart one or more containers', subject: 'container' });
