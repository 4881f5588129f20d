package io.millrace.gpu.api;

import io.millrace.gpu.common.Setting;
import io.millrace.gpu.common.Setting.Names;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Naming of options in errors. Messages are written with the names of the command line, and
 * translated once for other callers.
 */
public enum OptionNames {
    /** The components of {@link EngineOptions}: {@code kvCacheBytes}. */
    JAVA,
    /** Flags of the command line: {@code --kv-cache-memory}. */
    COMMAND_LINE,
    /** Keys of Flink's configuration: {@code millrace.kv-cache-memory}. */
    CONFIGURATION;

    /** The variable by which the launcher passes options to the JVM. */
    private static final String LAUNCHER = "MILLRACE_OPTS=";

    private static final Pattern FLAG = Pattern.compile("--[a-z]+(-[a-z]+)*");

    /** Translates the engine's options in a message to the caller's names. */
    public String say(String message) {
        return say(message, EngineOption.settings());
    }

    /**
     * Translates options in a message to the caller's names.
     *
     * @param message with flags of the command line; may be null
     * @param settings the options to translate; other flags are kept
     */
    public String say(String message, List<Setting> settings) {
        if (this == COMMAND_LINE || message == null) {
            return message;
        }
        return FLAG.matcher(message.replace(LAUNCHER, ""))
                .replaceAll(found -> Matcher.quoteReplacement(name(found.group(), settings)));
    }

    private String name(String flag, List<Setting> settings) {
        for (Setting setting : settings) {
            Names names = setting.names();
            if (flag.equals(names.flag())) {
                return this == JAVA ? names.java() : names.key();
            }
        }
        return flag;
    }
}
