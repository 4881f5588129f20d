package io.millrace.gpu.api;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * How errors call an engine's options. They are written with the names of the command line, and
 * translated once for who has none.
 */
public enum OptionNames {
    /** As the components of {@link EngineOptions}: {@code kvCacheBytes}. */
    JAVA,
    /** As the command line has them: {@code --kv-cache-memory}. */
    COMMAND_LINE;

    /** How options of the JVM reach it where the launcher starts it. */
    private static final String LAUNCHER = "MILLRACE_OPTS=";

    private static final Pattern FLAG = Pattern.compile("--[a-z]+(-[a-z]+)*");

    /** A message with the options in it as the caller knows them. */
    public String say(String message) {
        if (this == COMMAND_LINE || message == null) {
            return message;
        }
        return FLAG.matcher(message.replace(LAUNCHER, ""))
                .replaceAll(found -> Matcher.quoteReplacement(javaName(found.group())));
    }

    private static String javaName(String flag) {
        for (EngineOption option : EngineOption.values()) {
            if (option.flag().equals(flag)) {
                return option.javaName();
            }
        }
        return flag;
    }
}
