package io.millrace.schemas;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static java.util.stream.Collectors.counting;
import static java.util.stream.Collectors.groupingBy;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.stream.Stream;

/** Holds the module's picture: its rooms, in order, and what they may know of other libraries. */
@AnalyzeClasses(packages = "io.millrace", importOptions = ImportOption.DoNotIncludeTests.class)
class ArchitectureTest {
    private static final String ROOT = "io.millrace.schemas";
    private static final int MOST_CLASSES_IN_A_ROOM = 18;
    private static final int MOST_LINES_OF_A_FILE = 400;

    /** From top to bottom: a class may know its own room and those below it. */
    private static final String[] ROOMS =
            Stream.of(
                            ".codec",
                            ".codec.json",
                            ".codec.registry",
                            ".codec.avro",
                            ".codec.record",
                            "",
                            ".text")
                    .map(name -> ROOT + name)
                    .toArray(String[]::new);

    @ArchTest static final ArchRule allIsInARoom = classes().should().resideInAnyPackage(ROOMS);

    @ArchTest
    static void arrowsRunDown(JavaClasses all) {
        for (int room = 1; room < ROOMS.length; room++) {
            noClasses()
                    .that()
                    .resideInAPackage(ROOMS[room])
                    .should()
                    .dependOnClassesThat()
                    .resideInAnyPackage(Arrays.copyOf(ROOMS, room))
                    .check(all);
        }
    }

    @ArchTest
    static void aRoomIsSmall(JavaClasses all) {
        assertThat(
                        all.stream()
                                .filter(JavaClass::isTopLevelClass)
                                .filter(type -> !type.getSimpleName().equals("package-info"))
                                .collect(groupingBy(JavaClass::getPackageName, counting())))
                .hasSize(ROOMS.length)
                .allSatisfy(
                        (room, size) ->
                                assertThat(size)
                                        .as("classes in %s", room)
                                        .isLessThanOrEqualTo(MOST_CLASSES_IN_A_ROOM));
    }

    @ArchTest
    static void aSourceFileIsShort(JavaClasses all) throws IOException {
        try (Stream<Path> files = Files.walk(Path.of("src", "main", "java"))) {
            for (Path file : files.filter(path -> path.toString().endsWith(".java")).toList()) {
                assertThat(Files.readAllLines(file))
                        .as("lines of %s", file)
                        .hasSizeLessThanOrEqualTo(MOST_LINES_OF_A_FILE);
            }
        }
    }

    @ArchTest
    static final ArchRule theContractNeedsAvroAndJacksonOnly =
            classes()
                    .should()
                    .onlyDependOnClassesThat()
                    .resideInAnyPackage(
                            "java..",
                            "javax.net.ssl..",
                            ROOT + "..",
                            "org.apache.avro..",
                            "com.fasterxml.jackson..");

    @ArchTest
    static final ArchRule recordsKnowNoCodec =
            classes()
                    .that()
                    .resideInAPackage(ROOT)
                    .should()
                    .onlyDependOnClassesThat()
                    .resideInAnyPackage(ROOT, "java..", "org.apache.avro..");

    @ArchTest
    static final ArchRule textKnowsTheJdkOnly =
            classes()
                    .that()
                    .resideInAPackage(ROOT + ".text")
                    .should()
                    .onlyDependOnClassesThat()
                    .resideInAnyPackage(ROOT + ".text", "java..");
}
