# With PGBALLAST_ALL_TREES, the release tree's ctest also runs what `./dev test` has built
# in the trees of the other presets, so that one summary tells of all.
option(PGBALLAST_ALL_TREES "Run the tests of the sanitizer and fuzz trees too" OFF)
if(NOT PGBALLAST_ALL_TREES)
  return()
endif()

get_property(programs TARGET unit_tests PROPERTY MANUALLY_ADDED_DEPENDENCIES)
set(asan-ubsan_programs ${programs})
set(tsan_programs unit_net unit_proxy)  # the layers that know threads: see `./dev`
foreach(tree asan-ubsan tsan)
  foreach(program ${${tree}_programs})
    add_test(NAME ${tree}/${program} COMMAND ${PROJECT_SOURCE_DIR}/build/${tree}/bin/${program})
    set_tests_properties(${tree}/${program} PROPERTIES LABELS ${tree} TIMEOUT 600)
  endforeach()
endforeach()

# The fuzz tree's own tests: tests/fuzz/CMakeLists.txt.
set_property(DIRECTORY APPEND PROPERTY TEST_INCLUDE_FILES
  ${PROJECT_SOURCE_DIR}/build/fuzz/tests/fuzz/CTestTestfile.cmake)
