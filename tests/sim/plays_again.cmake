# What a shrunk round says of how to play it again is true.
execute_process(COMMAND ${SIM} --rounds 2000 --sabotage blind_retry OUTPUT_VARIABLE first)
if(NOT first MATCHES "shrunk to [^:]*: ([^\n]*)")
  message(FATAL_ERROR "nothing was shrunk: ${first}")
endif()
set(seen ${CMAKE_MATCH_1})
string(REGEX MATCH "play it again: sim ([^\n]*)" _ ${first})
separate_arguments(arguments UNIX_COMMAND ${CMAKE_MATCH_1})

execute_process(COMMAND ${SIM} ${arguments} OUTPUT_VARIABLE again)
string(FIND "${again}" "caught: ${seen}" found)
if(found EQUAL -1)
  message(FATAL_ERROR "not \"${seen}\", but: ${again}")
endif()
