/** Of all programs: they are made and shipped together. */
export const version = '0.1.0';
