package io.millrace.gpu.speculation;

import io.millrace.gpu.api.EngineOptions;
import io.millrace.gpu.api.EngineOptions.Speculate;

/** Decides which completions of an engine are speculated on. Safe for any thread. */
public final class Speculation {
    private final Drafting drafting;

    /**
     * @param verifies whether the device verifies drafts
     * @throws IllegalArgumentException the options ask for what the device cannot do
     */
    public Speculation(EngineOptions options, boolean verifies) {
        boolean on = options.speculate() != Speculate.OFF;
        if (on && !verifies) {
            throw new IllegalArgumentException(
                    "Speculation is %s, but the device verifies no drafts."
                            .formatted(options.speculate()));
        }
        drafting = on ? new Drafting(options.speculateTokens(), options.speculateNgram()) : null;
    }

    /** How the tokens of completions are guessed; null for not at all. */
    public Drafting drafting() {
        return drafting;
    }
}
