package io.millrace.gpu.text.template;

/** Text that grows within the sandbox's limits. */
final class Output {
    private final StringBuilder text = new StringBuilder();
    private final Sandbox sandbox;

    Output(Sandbox sandbox) {
        this.sandbox = sandbox;
    }

    Output append(String more) {
        if (text.length() + (long) more.length() > sandbox.textLimit()) {
            sandbox.text(text.length() + (long) more.length());
        }
        sandbox.text(more.length());
        text.append(more);
        return this;
    }

    @Override
    public String toString() {
        return text.toString();
    }
}
