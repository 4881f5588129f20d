package io.millrace.jobs;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What a page of the documentation shows of code, and of commands and their output. */
final class ShownCommands {

    /** A marked block of commands, and the block after it. */
    private static final Pattern RUN =
            Pattern.compile("<!-- run -->\n```bash\n(.*?)```\n\n```\n(.*?)```", Pattern.DOTALL);

    private static final Pattern CODE =
            Pattern.compile("<!-- code: (\\S+)( [^\n]*?)? -->\n```java\n(.*?)```", Pattern.DOTALL);

    private final Path page;
    private String text;

    private ShownCommands(Path page) throws IOException {
        this.page = page;
        this.text = Files.readString(page);
    }

    static ShownCommands of(String page) throws IOException {
        return new ShownCommands(TestingProcess.root().resolve(page));
    }

    /**
     * Commands with what the page shows of their output.
     *
     * @param start of the output in the page
     */
    record Run(String commands, String output, int start) {}

    List<Run> runs() {
        List<Run> runs = new ArrayList<>();
        Matcher matcher = RUN.matcher(text);
        while (matcher.find()) {
            runs.add(new Run(matcher.group(1), matcher.group(2), matcher.start(2)));
        }
        return runs;
    }

    /** Puts the output of the run with that number into the page. */
    void write(int number, String output) throws IOException {
        Run run = runs().get(number);
        text =
                text.substring(0, run.start())
                        + output
                        + text.substring(run.start() + run.output().length());
        Files.writeString(page, text);
    }

    /** The page as it is. */
    String text() {
        return text;
    }

    /** The page with the code that it says it shows. */
    String withCode() throws IOException {
        StringBuilder rewritten = new StringBuilder();
        Matcher matcher = CODE.matcher(text);
        int done = 0;
        while (matcher.find()) {
            String source = Files.readString(TestingProcess.root().resolve(matcher.group(1)));
            String part = matcher.group(2);
            rewritten.append(text, done, matcher.start(3));
            rewritten.append(part == null ? source : method(source, part.strip()));
            done = matcher.end(3);
        }
        return rewritten.append(text.substring(done)).toString();
    }

    /** A method of a class, from its first line to its last brace, moved to the left. */
    private static String method(String source, String beginning) {
        int from = source.indexOf("    " + beginning);
        if (from < 0) {
            throw new AssertionError("There is no " + beginning);
        }
        String end = "\n    }\n";
        String method = source.substring(from, source.indexOf(end, from) + end.length());
        // An empty last line would count as one without indentation.
        return method.stripTrailing().stripIndent() + "\n";
    }

    void writeCode() throws IOException {
        text = withCode();
        Files.writeString(page, text);
    }
}
