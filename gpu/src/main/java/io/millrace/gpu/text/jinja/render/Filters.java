package io.millrace.gpu.text.jinja.render;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;

/** All filters by name. */
final class Filters {
    static final Map<String, Filter> ALL = all();

    /** Those that replace an undefined value. */
    static final Set<String> REPLACING = Set.of("default", "d");

    private Filters() {}

    private static Map<String, Filter> all() {
        Map<String, Filter> all = new LinkedHashMap<>();
        TextFilters.addTo(all);
        NumberFilters.addTo(all);
        SequenceFilters.addTo(all);
        SelectionFilters.addTo(all);
        return Map.copyOf(all);
    }
}
