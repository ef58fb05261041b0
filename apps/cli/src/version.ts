/** The version of the command and of the umbrella API; a test compares it with package.json. */
export const version: string = "0.1.0";
