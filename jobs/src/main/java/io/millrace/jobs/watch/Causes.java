package io.millrace.jobs.watch;

import java.util.ArrayList;
import java.util.List;
import org.apache.flink.util.SerializedThrowable;

/** The causes of an exception that came through Flink, which wraps some of them. */
final class Causes {
    private Causes() {}

    /** The exception first, its root last; each as the type that was thrown. */
    static List<Throwable> of(Throwable e) {
        List<Throwable> causes = new ArrayList<>();
        Throwable each = e;
        while (each != null && !causes.contains(each)) {
            each = SerializedThrowable.get(each, Causes.class.getClassLoader());
            causes.add(each);
            each = each.getCause();
        }
        return causes;
    }

    static Throwable root(Throwable e) {
        List<Throwable> causes = of(e);
        return causes.get(causes.size() - 1);
    }
}
