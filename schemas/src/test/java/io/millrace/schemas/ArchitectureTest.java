package io.millrace.schemas;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;

@AnalyzeClasses(packages = "io.millrace", importOptions = ImportOption.DoNotIncludeTests.class)
class ArchitectureTest {

    @ArchTest
    static final ArchRule theContractNeedsAvroAndJacksonOnly =
            classes()
                    .should()
                    .onlyDependOnClassesThat()
                    .resideInAnyPackage(
                            "java..",
                            "io.millrace.schemas..",
                            "org.apache.avro..",
                            "com.fasterxml.jackson..");

    @ArchTest
    static final ArchRule recordsKnowNoCodec =
            noClasses()
                    .that()
                    .resideInAPackage("io.millrace.schemas")
                    .should()
                    .dependOnClassesThat()
                    .resideInAPackage("..codec..");
}
