package io.millrace.jobs;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;

@AnalyzeClasses(packages = "io.millrace.jobs", importOptions = ImportOption.DoNotIncludeTests.class)
class ArchitectureTest {
    @ArchTest
    static final ArchRule PROGRAMS_KNOW_THE_ENGINE_BY_ITS_CONTRACT_ONLY =
            noClasses()
                    .should()
                    .dependOnClassesThat()
                    .resideInAnyPackage(
                            "io.millrace.gpu.backend..",
                            "io.millrace.gpu.model..",
                            "io.millrace.gpu.schedule..",
                            "io.millrace.gpu.tensor..",
                            "io.millrace.gpu.text..",
                            "jcuda..",
                            "ai.djl..");

    @ArchTest
    static final ArchRule ONLY_BENCH_LEAVES_THE_FIRST_LAW =
            noClasses()
                    .that()
                    .doNotHaveFullyQualifiedName("io.millrace.jobs.BenchNumerics")
                    .should()
                    .dependOnClassesThat()
                    .haveFullyQualifiedName("io.millrace.gpu.FreeNumerics");

    @ArchTest
    static final ArchRule NOTHING_BUT_BENCH_IS_TOLD_HOW =
            classes()
                    .that()
                    .haveFullyQualifiedName("io.millrace.jobs.BenchNumerics")
                    .should()
                    .onlyBeAccessed()
                    .byClassesThat()
                    .haveNameMatching(
                            "io\\.millrace\\.jobs\\.(Bench\\w*|\\w+Bench|ResultTable|ContractTable)");

    @ArchTest
    static final ArchRule THE_BROKER_IS_IN_ONE_PACKAGE =
            noClasses()
                    .that()
                    .resideOutsideOfPackage("io.millrace.jobs.kafka..")
                    .should()
                    .dependOnClassesThat()
                    .resideInAnyPackage("kafka..", "org.apache.kafka.server..");

    @ArchTest
    static final ArchRule CHAOS_JUDGES_FROM_OUTSIDE =
            noClasses()
                    .that()
                    .resideInAPackage("io.millrace.jobs.chaos..")
                    .should()
                    .dependOnClassesThat()
                    .resideInAnyPackage(
                            "io.millrace.jobs", "io.millrace.operators", "io.millrace.gpu..");
}
