package io.millrace.gpu;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;

import com.tngtech.archunit.core.domain.Dependency;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.lang.ArchCondition;
import com.tngtech.archunit.lang.ArchRule;
import com.tngtech.archunit.lang.ConditionEvent;
import com.tngtech.archunit.lang.ConditionEvents;
import com.tngtech.archunit.lang.SimpleConditionEvent;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * The rooms (packages) of a module, from top to bottom. A class may know its own room and those
 * below it, so there are no cycles; a package that is not in the list is an error.
 */
public final class Rooms {
    private final List<String> packages;

    private Rooms(List<String> packages) {
        this.packages = packages;
    }

    /**
     * @param root package of the module
     * @param names packages below it, from top to bottom; the empty name is the root itself
     */
    public static Rooms of(String root, String... names) {
        return new Rooms(
                Stream.of(names).map(name -> name.isEmpty() ? root : root + "." + name).toList());
    }

    /** Each class depends on nothing of a room above its own. */
    public ArchRule arrowsRunDown() {
        return classes()
                .should(
                        new ArchCondition<>("depend on their room and those below it only") {
                            @Override
                            public void check(JavaClass type, ConditionEvents events) {
                                int room = packages.indexOf(type.getPackageName());
                                if (room < 0) {
                                    events.add(wrong(type, type.getName() + " is in no room"));
                                    return;
                                }
                                for (Dependency d : type.getDirectDependenciesFromSelf()) {
                                    JavaClass target = d.getTargetClass().getBaseComponentType();
                                    int at = packages.indexOf(target.getPackageName());
                                    if (at >= 0 && at < room) {
                                        events.add(wrong(type, d.getDescription()));
                                    }
                                }
                            }
                        });
    }

    /** No room has more than so many top-level classes. */
    public ArchRule hold(int most) {
        return classes()
                .should(
                        new ArchCondition<>("be in rooms of at most " + most + " classes") {
                            private final Map<String, Integer> sizes = new HashMap<>();

                            @Override
                            public void init(Collection<JavaClass> all) {
                                for (JavaClass type : all) {
                                    if (isCounted(type)) {
                                        sizes.merge(type.getPackageName(), 1, Integer::sum);
                                    }
                                }
                            }

                            @Override
                            public void check(JavaClass type, ConditionEvents events) {
                                if (sizes.getOrDefault(type.getPackageName(), 0) > most) {
                                    events.add(
                                            wrong(
                                                    type,
                                                    type.getName()
                                                            + " is in a room of "
                                                            + sizes.get(type.getPackageName())));
                                }
                            }
                        });
    }

    private static boolean isCounted(JavaClass type) {
        return type.isTopLevelClass() && !type.getSimpleName().equals("package-info");
    }

    private static ConditionEvent wrong(JavaClass type, String message) {
        return SimpleConditionEvent.violated(type, message);
    }
}
