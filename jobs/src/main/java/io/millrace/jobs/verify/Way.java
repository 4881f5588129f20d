package io.millrace.jobs.verify;

/** How answers are computed again: each way batches, cuts and divides them otherwise. */
enum Way {
    ALONE("Alone"),
    SHUFFLED("Shuffled"),
    CHUNKS("Chunks"),
    SUBTASKS("Subtasks");

    private final String label;

    Way(String label) {
        this.label = label;
    }

    String label() {
        return label;
    }
}
