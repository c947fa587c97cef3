# cmake -D OUT=FILE -D FILES=A,B,C -P embed.cmake: writes the files into a C++ source.
set(types
  html "text/html" css "text/css" js "text/javascript" svg "image/svg+xml")

set(arrays "")
set(entries "")
set(number 0)
string(REPLACE "," ";" FILES "${FILES}")
foreach(file ${FILES})
  file(READ ${file} octets HEX)
  string(LENGTH "${octets}" digits)
  math(EXPR size "${digits} / 2")
  string(REGEX REPLACE "(..)" "\\\\x\\1" octets "${octets}")
  # An octet per literal's escape, and literals no longer than compilers must take.
  string(REGEX REPLACE "(................................................................)" "\\1\"\n    \"" octets "${octets}")
  string(APPEND arrays "constexpr char content_${number}[] =\n    \"${octets}\";\n")

  cmake_path(GET file FILENAME name)
  cmake_path(GET file EXTENSION LAST_ONLY extension)
  string(SUBSTRING ${extension} 1 -1 extension)
  list(FIND types ${extension} at)
  math(EXPR at "${at} + 1")
  list(GET types ${at} type)
  set(path "/${name}")
  if(name STREQUAL "index.html")
    set(path "/")
  endif()
  string(APPEND entries
    "    {\"${path}\", \"${type}; charset=utf-8\", {content_${number}, ${size}}},\n")
  math(EXPR number "${number} + 1")
endforeach()

file(WRITE ${OUT} "#include \"page_files.hpp\"

#include <algorithm>
#include <iterator>

namespace signup_demo {
namespace {

${arrays}
constexpr page_file files[] = {
${entries}};

}  // namespace

const page_file* find_page_file(std::string_view path) {
    const auto* found = std::ranges::find(files, path, &page_file::path);
    return found == std::end(files) ? nullptr : found;
}

}  // namespace signup_demo
")
