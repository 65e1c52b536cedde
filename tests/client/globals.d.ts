// The little of Node that the check uses; its full types are not worth a dependency.
declare const process: { argv: string[]; exitCode: number | undefined };
