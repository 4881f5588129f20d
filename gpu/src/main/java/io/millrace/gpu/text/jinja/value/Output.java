package io.millrace.gpu.text.jinja.value;

/** Text that grows within the sandbox's limits. */
public final class Output {
    private final StringBuilder text = new StringBuilder();
    private final Sandbox sandbox;

    public Output(Sandbox sandbox) {
        this.sandbox = sandbox;
    }

    public Output append(String more) {
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
