package io.millrace.gpu.api;

import io.millrace.gpu.common.Setting;
import io.millrace.gpu.common.Setting.Names;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * How errors call options. They are written with the names of the command line, and translated once
 * for who has none.
 */
public enum OptionNames {
    /** As the components of {@link EngineOptions}: {@code kvCacheBytes}. */
    JAVA,
    /** As the command line has them: {@code --kv-cache-memory}. */
    COMMAND_LINE,
    /** As Flink's configuration has them: {@code millrace.kv-cache-memory}. */
    CONFIGURATION;

    /** How options of the JVM reach it where the launcher starts it. */
    private static final String LAUNCHER = "MILLRACE_OPTS=";

    private static final Pattern FLAG = Pattern.compile("--[a-z]+(-[a-z]+)*");

    /** A message with the engine's options in it as the caller knows them. */
    public String say(String message) {
        return say(message, EngineOption.settings());
    }

    /**
     * A message with options in it as the caller knows them.
     *
     * @param message with flags of the command line; may be null
     * @param settings the options that are translated; other flags stay
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
