package io.millrace.gpu.sampling.grammar.regex;

import io.millrace.gpu.sampling.grammar.automaton.Budget;
import io.millrace.gpu.sampling.grammar.automaton.CharDfa;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The formats of JSON Schema that are asserted, each as an automaton. Some accept less than their
 * standard (no leap seconds in a date-time, no quoted part in an e-mail address), none accepts
 * more. Safe for any thread.
 */
public final class Formats {
    private static final int LIMIT = 20_000;
    private static final int LONGEST_NAME = 253;

    private static final String DATE =
            "(?:[0-9]{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])"
                    + "|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)"
                    + "|02-(?:0[1-9]|1[0-9]|2[0-8]))"
                    + "|(?:[0-9][0-9](?:0[48]|[2468][048]|[13579][26])"
                    + "|(?:[02468][048]|[13579][26])00)-02-29)";
    private static final String CLOCK = "(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\\.[0-9]+)?";
    private static final String OFFSET = "(?:[Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])";
    private static final String BYTE = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])";
    private static final String IPV4 = BYTE + "(?:\\." + BYTE + "){3}";
    private static final String H16 = "[0-9a-fA-F]{1,4}";
    private static final String LS32 = "(?:" + H16 + ":" + H16 + "|" + IPV4 + ")";
    private static final String IPV6 = ipv6();
    private static final String LABEL = "[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?";
    private static final String ATOM = "[a-zA-Z0-9!#$%&'*+/=?^_`{|}~-]+";
    private static final String ESCAPED = "%[0-9a-fA-F]{2}";
    private static final String UNRESERVED = "a-zA-Z0-9._~!$&'()*+,;=\\-";
    private static final String PCHAR = "(?:[" + UNRESERVED + ":@]|" + ESCAPED + ")";
    private static final String TAIL =
            "(?:\\?(?:" + PCHAR + "|[/?])*)?(?:#(?:" + PCHAR + "|[/?])*)?";
    private static final String AUTHORITY =
            "(?:(?:[%s:]|%s)*@)?(?:\\[%s\\]|(?:[%s]|%s)*)(?::[0-9]*)?"
                    .formatted(UNRESERVED, ESCAPED, IPV6, UNRESERVED, ESCAPED);
    private static final String HIERARCHY =
            "(?://%s(?:/%s*)*|/(?:%s+(?:/%s*)*)?|%s+(?:/%s*)*)?"
                    .formatted(AUTHORITY, PCHAR, PCHAR, PCHAR, PCHAR, PCHAR);
    private static final String NO_COLON = "(?:[" + UNRESERVED + "@]|" + ESCAPED + ")";
    private static final String RELATIVE =
            "(?://%s(?:/%s*)*|/(?:%s+(?:/%s*)*)?|%s+(?:/%s*)*)?"
                    .formatted(AUTHORITY, PCHAR, PCHAR, PCHAR, NO_COLON, PCHAR);
    private static final String URI = "[a-zA-Z][a-zA-Z0-9+.-]*:" + HIERARCHY + TAIL;

    private static final Map<String, String> PATTERNS =
            Map.ofEntries(
                    Map.entry("date", DATE),
                    Map.entry("time", CLOCK + OFFSET),
                    Map.entry("date-time", DATE + "[Tt]" + CLOCK + OFFSET),
                    Map.entry("duration", duration()),
                    Map.entry("uuid", "[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"),
                    Map.entry(
                            "email",
                            ATOM + "(?:\\." + ATOM + ")*@" + LABEL + "(?:\\." + LABEL + ")*"),
                    Map.entry("hostname", LABEL + "(?:\\." + LABEL + ")*"),
                    Map.entry("ipv4", IPV4),
                    Map.entry("ipv6", IPV6),
                    Map.entry("uri", URI),
                    Map.entry("uri-reference", "(?:" + URI + "|" + RELATIVE + TAIL + ")"));

    private final Map<String, CharDfa> compiled = new ConcurrentHashMap<>();

    /** The texts of a format; empty for one that is an annotation. */
    public Optional<CharDfa> find(String name) {
        String pattern = PATTERNS.get(name);
        return pattern == null
                ? Optional.empty()
                : Optional.of(
                        compiled.computeIfAbsent(name, any -> Regex.match(pattern, budget())));
    }

    private static Budget budget() {
        return new Budget(LIMIT, Long.MAX_VALUE);
    }

    /** Maximum length of a text of the format, in characters. */
    public int longest(String name) {
        return name.equals("hostname") || name.equals("email") ? LONGEST_NAME : Integer.MAX_VALUE;
    }

    /** Eight groups, or fewer with {@code ::} for the missing ones. */
    private static String ipv6() {
        StringBuilder all = new StringBuilder("(?:(?:" + H16 + ":){6}" + LS32);
        for (int before = 0; before <= 7; before++) {
            String tail =
                    switch (before) {
                        case 7 -> "";
                        case 6 -> H16;
                        default -> "(?:" + H16 + ":){" + (5 - before) + "}" + LS32;
                    };
            String head =
                    before == 0 ? "" : "(?:(?:" + H16 + ":){0," + (before - 1) + "}" + H16 + ")?";
            all.append('|').append(head).append("::").append(tail);
        }
        return all.append(")").toString();
    }

    private static String duration() {
        String time = "T(?:[0-9]+H(?:[0-9]+M(?:[0-9]+S)?)?|[0-9]+M(?:[0-9]+S)?|[0-9]+S)";
        String date =
                "(?:[0-9]+D|[0-9]+M(?:[0-9]+D)?|[0-9]+Y(?:[0-9]+M(?:[0-9]+D)?)?)(?:" + time + ")?";
        return "P(?:" + date + "|" + time + "|[0-9]+W)";
    }
}
