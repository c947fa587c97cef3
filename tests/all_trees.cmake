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

# All of pgballast under ThreadSanitizer, where backends move and end all the time.
add_test(NAME tsan/chaos COMMAND /usr/bin/python3 -B ${CMAKE_CURRENT_SOURCE_DIR}/chaos/run.py
  --seconds 20 --seed 1 --mode transaction --program ${PROJECT_SOURCE_DIR}/build/tsan/bin/pgballast)
set_tests_properties(tsan/chaos PROPERTIES LABELS tsan TIMEOUT 300
  ENVIRONMENT TSAN_OPTIONS=suppressions=${CMAKE_CURRENT_SOURCE_DIR}/chaos/tsan.supp)

# The fuzz tree's own tests: tests/fuzz/CMakeLists.txt.
set_property(DIRECTORY APPEND PROPERTY TEST_INCLUDE_FILES
  ${PROJECT_SOURCE_DIR}/build/fuzz/tests/fuzz/CTestTestfile.cmake)
