package io.millrace.jobs.verify;

/** The ways of computing answers again: each batches, chunks and distributes them differently. */
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
