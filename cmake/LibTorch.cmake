# Finds LibTorch and defines the imported targets torch_cpu and c10, and torch_cuda and c10_cuda for a CUDA build.
#
# LIBTORCH is a folder with include/ and lib/. The targets are defined by path and not by find_package(Torch), which
# for a CUDA LibTorch insists on a complete CUDA toolkit (cuBLAS, cuSPARSE, NVRTC) that these sources do not use.
#
# Sets LIBTORCH, INTRACLASS_TORCH_VERSION ("2.13.0") and INTRACLASS_TORCH_BUILD ("2.13.0+cpu").

set(LIBTORCH "" CACHE PATH "LibTorch: a folder with include/ and lib/")

function(intraclass_find_libtorch result)
  if(DEFINED ENV{LIBTORCH} AND NOT "$ENV{LIBTORCH}" STREQUAL "")
    set(${result} "$ENV{LIBTORCH}" PARENT_SCOPE)
    return()
  endif()
  if(INTRACLASS_CUDA)
    set(own "${PROJECT_SOURCE_DIR}/.libtorch-cuda/torch")
  else()
    set(own "${PROJECT_SOURCE_DIR}/.libtorch")
  endif()
  if(EXISTS "${own}/include/ATen/ATen.h")
    set(${result} "${own}" PARENT_SCOPE)
    return()
  endif()
  foreach(python IN ITEMS "$ENV{PYTHON}" "${PROJECT_SOURCE_DIR}/.venv/bin/python" python3 python)
    if(NOT python)
      continue()
    endif()
    execute_process(
      COMMAND "${python}" -c
              "import importlib.util as u, os; print(os.path.dirname(u.find_spec('torch').origin))"
      OUTPUT_VARIABLE found OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE failed)
    if(NOT failed AND EXISTS "${found}/include/ATen/ATen.h")
      set(${result} "${found}" PARENT_SCOPE)
      return()
    endif()
  endforeach()
endfunction()

if(NOT LIBTORCH)
  intraclass_find_libtorch(found)
  set(LIBTORCH "${found}")
endif()
if(NOT EXISTS "${LIBTORCH}/include/ATen/ATen.h")
  message(FATAL_ERROR
    "LibTorch was not found. Type: npm run setup\n"
    "or set LIBTORCH to a folder with include/ and lib/ (an unpacked LibTorch, or Python's torch package).")
endif()

# Python's torch has version.py, the LibTorch archive has build-version.
if(EXISTS "${LIBTORCH}/build-version")
  file(STRINGS "${LIBTORCH}/build-version" INTRACLASS_TORCH_BUILD LIMIT_COUNT 1)
else()
  file(STRINGS "${LIBTORCH}/version.py" line REGEX "^__version__ *=" LIMIT_COUNT 1)
  string(REGEX REPLACE ".*['\"]([^'\"]+)['\"].*" "\\1" INTRACLASS_TORCH_BUILD "${line}")
endif()
string(REGEX MATCH "^[0-9]+\\.[0-9]+\\.[0-9]+" INTRACLASS_TORCH_VERSION "${INTRACLASS_TORCH_BUILD}")
if(INTRACLASS_TORCH_VERSION VERSION_LESS 2.11 OR INTRACLASS_TORCH_VERSION VERSION_GREATER_EQUAL 2.15)
  message(WARNING "LibTorch ${INTRACLASS_TORCH_BUILD} is outside the supported range 2.11 to 2.14.")
endif()

function(intraclass_import name)
  add_library(${name} SHARED IMPORTED GLOBAL)
  set_target_properties(${name} PROPERTIES
    IMPORTED_LOCATION "${LIBTORCH}/lib/${CMAKE_SHARED_LIBRARY_PREFIX}${name}${CMAKE_SHARED_LIBRARY_SUFFIX}"
    INTERFACE_INCLUDE_DIRECTORIES "${LIBTORCH}/include;${LIBTORCH}/include/torch/csrc/api/include")
endfunction()

intraclass_import(c10)
intraclass_import(torch_cpu)
set_property(TARGET torch_cpu PROPERTY INTERFACE_LINK_LIBRARIES c10)
if(INTRACLASS_CUDA)
  find_package(CUDAToolkit REQUIRED)
  intraclass_import(c10_cuda)
  intraclass_import(torch_cuda)
  set_property(TARGET c10_cuda PROPERTY INTERFACE_LINK_LIBRARIES c10 CUDA::cudart)
  set_property(TARGET torch_cuda PROPERTY INTERFACE_LINK_LIBRARIES torch_cpu c10_cuda)
endif()
